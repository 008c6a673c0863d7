"""The framework-free core: temperament, strategy, wording, profile, privacy."""

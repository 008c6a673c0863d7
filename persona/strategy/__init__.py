"""How a style is served: limits, emoji, next steps, extras, theme of the page, advice for agents."""

from persona.strategy.loader import StrategyError, load_strategies
from persona.strategy.model import Strategies, Strategy, Style
from persona.strategy.theme import theme_css

__all__ = ["Strategies", "Strategy", "StrategyError", "Style", "load_strategies", "theme_css"]

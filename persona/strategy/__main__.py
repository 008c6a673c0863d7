"""Print the chat page's colours: ``python -m persona.strategy > bot/channels/widget/theme.css``."""

from persona.strategy import load_strategies, theme_css

print(theme_css(load_strategies()), end="")

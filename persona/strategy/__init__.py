"""How a style is served: limits, emoji, next steps, extras, theme of the page, advice for agents."""

from persona.strategy.loader import StrategyError, load_strategies
from persona.strategy.model import PARTS, Layout, PolicyRule, Strategies, Strategy, Style
from persona.strategy.theme import dress_js, theme_css

__all__ = [
    "PARTS",
    "Layout",
    "PolicyRule",
    "Strategies",
    "Strategy",
    "StrategyError",
    "Style",
    "dress_js",
    "load_strategies",
    "theme_css",
]

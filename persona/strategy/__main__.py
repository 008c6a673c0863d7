"""Print how the chat page is dressed.

``python -m persona.strategy > bot/channels/widget/frame/theme.css``
``python -m persona.strategy dress > bot/channels/widget/frame/core/dress.js``
"""

import sys

from persona.strategy import dress_js, load_strategies, theme_css

made = dress_js if sys.argv[1:] == ["dress"] else theme_css
sys.stdout.write(made(load_strategies()))

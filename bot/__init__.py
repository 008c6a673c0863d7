"""The bot: what Rasa loads, the front, the desk and the application around them."""

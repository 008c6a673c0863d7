"""Messaging platforms, one file each, see :mod:`bot.channels.base`; none imports another."""

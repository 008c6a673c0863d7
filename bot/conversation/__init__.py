"""The record, the owner and the belief of each conversation; the client of Rasa."""

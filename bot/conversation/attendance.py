"""Whether anybody is at the desk, as last looked.

Every turn tells Rasa, so that the bot announces a person only where there is one, and no turn asks the record
for it: whoever looks at the desk anyway notes it here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Attendance:
    """What this process knows of the desk; a second old at most, so that a hand-over looks again.

    Attributes:
        people: an agent is online or busy, with a page open; assumed until the first look.
    """

    people: bool = True

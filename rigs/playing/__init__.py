# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes to a musician's movement: a pianist's hands on the keys, a violinist's on the strings and the bow.

Fingering is found by dynamic programming over where the hand could lie; arms and fingers follow by inverse kinematics,
so a finger is on its key or string when the note sounds. Written to make training pairs from composed music, and to
bring a network's hands onto the instrument. The skeleton must have fingers (SMPL-H or SMPL-X).
"""

from .hand import FINGERS, Hand
from .notes import Note
from .piano import Piano, play_piano
from .violin import Violin, play_violin

__all__ = ["FINGERS", "Hand", "Note", "Piano", "Violin", "play_piano", "play_violin"]

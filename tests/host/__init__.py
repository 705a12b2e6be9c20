"""The host Python misbehaves: what a command's result says stays true, and nothing is left.

Each in an interpreter of its own, and with the default containment, which is by a minder.
"""

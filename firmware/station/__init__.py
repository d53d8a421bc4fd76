"""The door: what a press does, whom it rings, which code opens, what is reported.

config        what the owner wrote, checked
button        edges out of a bouncing contact
codes         digits into openings
station       the machine that ties a press, calls, digits and relays together
voice         one call's audio: microphone and speaker on one side, RTP on the other
"""

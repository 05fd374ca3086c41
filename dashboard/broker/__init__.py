"""The client of the broker, and the check of what it brings.

source         what screens show and ask: one gym's broker, or several gyms' floors
client         the connection: a network thread that fills the inbox
reading        its socket read ahead; messages of QoS 0 go past paho
subscriptions  what it listens to: every station, but for flooded topics
inbox          what has come and nobody has looked at yet, bounded by topic
events         bytes to checked messages with clean text
"""

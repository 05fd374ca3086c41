"""The gym's own mosquitto: as a child process for demo and tests, and its files for a gym.

mosquitto    a private broker on this machine
access       who may publish and hear what: roles, and the ACL file. Pure
credentials  passwords of the broker's users
folder       the folder of a gym's broker, and what a change of it would do
cli          `plumbline broker`
"""

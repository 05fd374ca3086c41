"""What every program of Plumbline shares.

process       signals, child processes, files that are there whole or not at all
retry         when to try again after a failure
flood         how long a topic is not listened to after a flood
mqtt_version  which version of MQTT a broker is spoken to
certificates  a certificate authority of one's own, by openssl
metrics       figures as text for Prometheus
distribution  what this program is called on the package index, and what of it is installed
usage         the help of every subcommand
"""

"""The same screens in a browser.

server       `plumbline dashboard --web`: a child process draws for each browser
connections  limits of its connections
"""

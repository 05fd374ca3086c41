"""What is asked in front of another screen: a line, a form, a choice.

dialog        what they have in common: escape closes them
ask           a line or a few: a load, a badge
athlete       who lifts at a station
person        who somebody is: name, badge, squad, note
exercise      what a station counts next
prescription  what an athlete is to do
sign_off      whether an exercise is mastered
help          what one can do, by task, with its key
"""

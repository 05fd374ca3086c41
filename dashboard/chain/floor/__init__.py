"""A floor over several gyms: what stations say of themselves, through the chain, while somebody looks.

gym's broker -> forward (in the relay) -> NATS, nothing kept -> client -> screens
                    ^------------- a look, every two seconds -----'

looks    the two messages, and what of a gym's floor is to be said when. Pure
forward  the relay's part: listens to its gym's broker
client   the screens' part, in the place of a broker
"""

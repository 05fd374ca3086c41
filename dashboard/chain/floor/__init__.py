"""A floor over several gyms: what stations say of themselves, through the chain, while somebody looks.

    gym's broker -> forward (in the relay) -> NATS, nothing kept -> client -> screens
                        ^------------- a look, every two seconds -----'

`looks` is pure: the two messages, and what of a gym's floor is to be said when.
"""

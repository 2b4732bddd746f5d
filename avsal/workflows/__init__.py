"""What avsal does, as functions of settings and objects that return results, print nothing and never exit.

One module a verb: predict, evaluate, train, prepare. The command line parses, calls these and prints.
"""

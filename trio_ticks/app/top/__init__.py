"""``top``: a running engine in the terminal.

``status`` reads what the engine tells, ``screen`` draws it, ``keys`` hears what is typed, ``command`` is the loop.
"""

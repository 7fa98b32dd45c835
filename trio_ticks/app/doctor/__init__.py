"""``trio-ticks doctor``: what a configuration needs, looked at before anything depends on it.

==============  ==================================================================================
``finding``     one line for people, one object for programs
``machine``     Python, packages, speed, open files
``disk``        room, how long it lasts, and how fast it commits
``journal``     version, who writes it, damage at its end
``clock``       the time, and TLS, on the road to a vendor
``vendor``      one connection for some seconds: token, plan, every symbol
``stores``      InfluxDB and Redis
``dashboard``   the port that it is served at
``examining``   all of them in order, each finding as soon as it is known
``command``     what it takes on the command line, and how it is printed
==============  ==================================================================================

Each module measures in one function and judges in another: ``judge_x`` is pure, and its table of cases is its test.
"""

"""For a notebook: each ``# %%`` begins a cell. The engine runs on in between, in a thread of its own."""

# %%
from trio_ticks import sync

engine = sync.open_engine(sync.Coinbase("BTC-USD"))
ticks = engine.subscribe("BTC-USD", overflow="conflate")

# %%
print(next(ticks).price)

# %%
engine.close()

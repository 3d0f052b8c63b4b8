//! `ask = "…"`: the operator confirms something done by hand.

//! The escape filter: colours are kept, every other control is shown as text.

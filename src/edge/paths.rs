//! Where golive keeps its files.

//! Source text with spans, and the problems found in it, shown with line, column and caret.

//! The JSON face: documents and event lines of design/3.

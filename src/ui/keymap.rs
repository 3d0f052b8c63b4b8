//! The key table: action ids, their keys, where they work, whether they can change a server.

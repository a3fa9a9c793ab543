//! Models: every order of a few threads.

//! Wake-ups that are kept for who comes later: `Notify`.

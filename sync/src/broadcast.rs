//! Every value to every receiver.

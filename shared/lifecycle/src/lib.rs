//! Every step in the life of an order that writes the table, the bucket or the queue.

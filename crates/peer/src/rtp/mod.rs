//! Packets to frames and back, without a socket or a clock.

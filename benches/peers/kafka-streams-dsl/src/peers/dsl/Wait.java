package peers.dsl;

/** A joined visit. */
record Wait(String queue, long waitMs) {}

//! How much memory the allocator of the system keeps for threads.

/// Bounds how many arenas the GNU C library makes for the threads of the process: as many as there
/// are workers, and two. By default there may be eight for each core, and what was freed in one is
/// not used by another: 500 queues took a quarter more memory. Does nothing where the environment
/// says how many, or with another C library.
///
/// To be called before the first thread is started.
pub fn bound_arenas(workers: usize) {
    let is_set = std::env::var_os("MALLOC_ARENA_MAX").is_some()
        || std::env::var("GLIBC_TUNABLES").is_ok_and(|tunables| tunables.contains("arena_max"));
    if !is_set {
        set_arena_max(i32::try_from(workers.saturating_add(2)).unwrap_or(i32::MAX));
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn set_arena_max(arenas: i32) {
    // SAFETY: the function takes two numbers and reads no memory of ours. It changes a setting of
    // the allocator, which is not safe while others allocate; there is no other thread yet, as the
    // caller promises.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) } == 0 {
        tracing::warn!(arenas, "the number of memory arenas was not set");
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn set_arena_max(_: i32) {}

//! Limits of the system's allocator.

/// Limits the arenas of the GNU C library to the number of workers and two.
///
/// The default is up to eight for each core. An arena does not reuse memory that was freed in
/// another one, so 500 queues took a quarter more memory. Does nothing if the environment sets the
/// number of arenas, or with another C library.
///
/// Must be called before the process starts a second thread.
pub(super) fn bound_arenas(workers: usize) {
    let is_set = std::env::var_os("MALLOC_ARENA_MAX").is_some()
        || std::env::var("GLIBC_TUNABLES").is_ok_and(|tunables| tunables.contains("arena_max"));
    if !is_set {
        set_arena_max(i32::try_from(workers.saturating_add(2)).unwrap_or(i32::MAX));
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
// glibc has no safe interface for this setting.
#[allow(unsafe_code)]
fn set_arena_max(arenas: i32) {
    // SAFETY: the function takes two numbers and reads no memory of the caller. Changing a setting
    // of the allocator is not safe while another thread allocates; the caller guarantees that there
    // is no other thread yet.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) } == 0 {
        tracing::warn!(arenas, "memory arenas not limited");
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn set_arena_max(_: i32) {}

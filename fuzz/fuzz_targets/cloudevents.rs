//! Lines of CloudEvents through a whole shard, a restart and a day without records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nabiz_core::decode::Format;
use nabiz_fuzz::assert_survives_a_restart;

fuzz_target!(|log: &[u8]| assert_survives_a_restart(Format::CloudEvents, log));

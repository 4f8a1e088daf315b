//! Progress of long work, drawn on stderr when that is a terminal, and nowhere else.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millhand_packages::{DownloadId, DownloadObserver};

/// The bars share one place: what draws or writes to stderr has to know of all of them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Draws downloads, when there is a terminal to draw on.
pub(crate) fn downloads() -> Option<Arc<dyn DownloadObserver>> {
    io::stderr().is_terminal().then(|| Arc::<Downloads>::default() as Arc<dyn DownloadObserver>)
}

/// A bar for `total` bytes, or a counter of bytes. It draws nothing where there is no terminal.
pub(crate) fn bar(name: &str, total: Option<u64>) -> ProgressBar {
    let bar =
        ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()).with_message(name.to_owned());
    let template = match total {
        Some(_) => "{msg:40!} [{bar:24}] {bytes} of {total_bytes}, {binary_bytes_per_sec}",
        None => "{msg:40!} {bytes}, {binary_bytes_per_sec}",
    };
    // The template is ours: a bad one shows in the first test that draws.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    if io::stderr().is_terminal() { BARS.add(bar.with_style(style)) } else { bar }
}

#[derive(Debug, Default)]
struct Downloads(Mutex<BTreeMap<DownloadId, ProgressBar>>);

impl DownloadObserver for Downloads {
    fn started(&self, id: DownloadId, name: &str, total_bytes: Option<u64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, bar(name, total_bytes));
    }

    fn progressed(&self, id: DownloadId, received_bytes: u64) {
        if let Some(bar) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            bar.set_position(received_bytes);
        }
    }

    fn ended(&self, id: DownloadId) {
        if let Some(bar) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
            bar.finish_and_clear();
            BARS.remove(&bar);
        }
    }
}

/// Stderr for log lines: bars make room for them.
#[derive(Debug)]
pub(crate) struct BesideBars;

impl io::Write for BesideBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

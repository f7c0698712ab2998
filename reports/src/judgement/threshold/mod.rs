//! Thresholds that a run is held against: `fmr.upper95 < 1e-4`, `charge.p99 < 300ms`, `money.violations == 0`.
//!
//! A threshold on a sampled figure is judged by the figure's 95 % interval: passed when all of it holds, failed when
//! none of it does, and not enough evidence in between. `.lower95` and `.upper95` name a bound of it: passed when that
//! bound holds, failed when nothing of the interval does. `.estimate` names the value without its interval.

mod expression;
mod judge;

pub(crate) use expression::unit_of;
pub use expression::{Aspect, Comparator, Threshold};
pub use judge::{Judged, Verdict, Verdicts, judge};

//! Smooth deformation that carries given points exactly onto others.
//!
//! A multiquadric radial basis with a linear part. Source: Hardy 1971; Wendland 2005, "Scattered Data Approximation",
//! chapter 8 (conditionally positive definite of order 1, so the system has one solution for points in general place).

use super::vector::Vec3;

/// Softens the kernel near its centre. Units: millimetres.
const SOFTNESS: f32 = 14.0;
const LINEAR: usize = 4;

/// A fitted deformation.
pub(crate) struct Warp {
    centres: Vec<Vec3>,
    /// One weight a centre, then constant, x, y and z.
    weights: Vec<Vec3>,
}

impl Warp {
    /// Fits the deformation that carries each first point onto its second.
    pub(crate) fn fit(pairs: &[(Vec3, Vec3)]) -> Self {
        let centres: Vec<Vec3> = pairs.iter().map(|p| p.0).collect();
        let n = centres.len() + LINEAR;
        let mut system = vec![vec![0.0f64; n + 3]; n];
        for (i, &(from, to)) in pairs.iter().enumerate() {
            for (j, &centre) in centres.iter().enumerate() {
                system[i][j] = f64::from(kernel(from.distance(centre)));
            }
            let linear = [1.0, from.x, from.y, from.z].map(f64::from);
            for (k, value) in linear.into_iter().enumerate() {
                system[i][centres.len() + k] = value;
                system[centres.len() + k][i] = value;
            }
            let moved = to - from;
            system[i][n..].copy_from_slice(&[moved.x, moved.y, moved.z].map(f64::from));
        }
        Self { centres, weights: solve(system) }
    }

    /// Carries one point.
    pub(crate) fn apply(&self, point: Vec3) -> Vec3 {
        let (radial, linear) = self.weights.split_at(self.centres.len());
        let mut out = point + linear[0] + linear[1] * point.x + linear[2] * point.y + linear[3] * point.z;
        for (centre, &weight) in self.centres.iter().zip(radial) {
            out = out + weight * kernel(point.distance(*centre));
        }
        out
    }
}

fn kernel(distance: f32) -> f32 {
    (distance * distance + SOFTNESS * SOFTNESS).sqrt()
}

/// Solves n equations with three right sides each by elimination with row exchanges.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<Vec3> {
    let n = rows.len();
    for pivot in 0..n {
        let best = (pivot..n).max_by(|&a, &b| rows[a][pivot].abs().total_cmp(&rows[b][pivot].abs()));
        rows.swap(pivot, best.unwrap_or(pivot));
        let top = rows[pivot].clone();
        for row in rows.iter_mut().skip(pivot + 1) {
            let factor = row[pivot] / top[pivot];
            row.iter_mut().zip(&top).skip(pivot).for_each(|(x, t)| *x -= factor * t);
        }
    }
    let mut out = vec![[0.0f64; 3]; n];
    for i in (0..n).rev() {
        for axis in 0..3 {
            let known: f64 = (i + 1..n).map(|j| rows[i][j] * out[j][axis]).sum();
            out[i][axis] = (rows[i][n + axis] - known) / rows[i][i];
        }
    }
    out.into_iter().map(|[x, y, z]| Vec3::new(x as f32, y as f32, z as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_arrive_and_their_surroundings_follow_smoothly() {
        let at = |x: f32, y: f32, z: f32| Vec3::new(x, y, z);
        let from = [at(0., 0., 0.), at(50., 0., 3.), at(0., 50., -5.), at(-40., -30., 10.), at(20., -60., 30.)];
        let to: Vec<Vec3> = from.iter().enumerate().map(|(i, p)| *p + at(i as f32, -2.0, 0.5 * i as f32)).collect();
        let warp = Warp::fit(&from.iter().copied().zip(to.iter().copied()).collect::<Vec<_>>());
        for (from, to) in from.iter().zip(&to) {
            assert!(warp.apply(*from).distance(*to) < 0.02);
        }
        let near = [at(10.0, 10.0, 0.0), at(10.5, 10.0, 0.0)].map(|p| warp.apply(p));
        assert!((near[0].distance(near[1]) - 0.5).abs() < 0.1);
    }
}

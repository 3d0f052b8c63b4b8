//! Finding steps of a stage that wait for each other.
//!
//! Works on positions in the stage's list: what each step waits for, declared or by its place in the list.

/// A circle of positions, each waiting for the next and the last for the first; `None` when there is none.
///
/// `waits_for[i]` are the positions that `i` waits for.
pub(super) fn find(waits_for: &[Vec<usize>]) -> Option<Vec<usize>> {
    // 0 = not seen, 1 = on the current path, 2 = leads to no circle.
    let mut seen = vec![0_u8; waits_for.len()];
    for start in 0..waits_for.len() {
        if seen[start] != 0 {
            continue;
        }
        seen[start] = 1;
        // The path with the next edge to follow of each position; a list instead of recursion, for long lists.
        let mut path = vec![(start, 0_usize)];
        while let Some((at, edge)) = path.last_mut() {
            let Some(&next) = waits_for[*at].get(*edge) else {
                seen[*at] = 2;
                path.pop();
                continue;
            };
            *edge += 1;
            if seen[next] == 1 {
                let circle = path.iter().map(|(at, _)| *at);
                return Some(circle.skip_while(|at| *at != next).collect());
            }
            if seen[next] == 0 {
                seen[next] = 1;
                path.push((next, 0));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_and_nothing_else_is_in_it() {
        assert_eq!(find(&[vec![], vec![0], vec![0, 1]]), None);
        assert_eq!(
            find(&[vec![1], vec![2], vec![3], vec![1]]),
            Some(vec![1, 2, 3])
        );
        assert_eq!(find(&[vec![0]]), Some(vec![0]));
        assert_eq!(find(&[]), None);
    }

    #[test]
    fn a_very_long_list_needs_no_deep_stack() {
        let chain: Vec<Vec<usize>> = (0..200_000)
            .map(|at| vec![at + 1])
            .chain([vec![]])
            .collect();
        assert_eq!(find(&chain), None);
    }
}

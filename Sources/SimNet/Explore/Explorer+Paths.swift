import Protocols

/// How a state was reached, found again from its parents.
extension Explorer {
    /// The start and the actions that lead to a state and one further.
    func path(to state: UInt32, _ last: UInt32) -> (start: Int, actions: [ActionCode]) {
        if state == .max { return (Int(last), []) }
        var reversed = last == .max ? [] : [ActionCode(bits: last)]
        var state = state
        while parents[Int(state)] != .max {
            reversed.append(ActionCode(bits: actions[Int(state)]))
            state = parents[Int(state)]
        }
        return (Int(actions[Int(state)]), reversed.reversed())
    }

    mutating func describe(
        _ path: (start: Int, actions: [ActionCode])
    ) -> [ExploreStep] {
        var stage = Stage(&table)
        _ = stage.play(configuration.starts[path.start], &table)
        var steps = stage.steps
        for index in steps.indices { steps[index].isPrologue = true }
        let isTrap = found?.violation.checker == "precondition" && found?.action != .max
        for (number, action) in path.actions.enumerated() {
            let isLast = number == path.actions.count - 1
            if isTrap && isLast {
                steps.append(stage.announce(action, table))
            } else {
                stage.perform(action, &table)
                steps.append(stage.steps.removeLast())
            }
        }
        return steps
    }
}

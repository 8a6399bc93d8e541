// Each test has a network of its own, and the machine to itself: what an attacker costs others is part of what is asserted.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

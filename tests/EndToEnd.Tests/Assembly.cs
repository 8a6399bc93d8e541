// Every test here measures time on a machine that it has to itself.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

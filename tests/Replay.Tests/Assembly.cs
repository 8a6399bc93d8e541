// The tool writes to the console, and one test measures time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

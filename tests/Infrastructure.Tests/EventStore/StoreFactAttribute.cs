using JumpingVpn.Node.Lab.Postgres;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>
/// A test of a contract that several adapters fulfil. In a class that is marked with <see cref="NeedsPostgresAttribute"/> it is skipped
/// where no PostgreSQL server is installed; with CI=true it runs all the same and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("JumpingVpn.Infrastructure.Tests.EventStore.StoreFactDiscoverer", "JumpingVpn.Infrastructure.Tests")]
public sealed class StoreFactAttribute : FactAttribute;

/// <summary>The tests of this class start a PostgreSQL server.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsPostgresAttribute : Attribute
{
    /// <summary>Why they are skipped, or null.</summary>
    public static string? SkipReason { get; } = Environment.GetEnvironmentVariable("CI") == "true" ? null : PostgresPrograms.Missing;
}

/// <summary>Makes the test cases of <see cref="StoreFactAttribute"/>.</summary>
public sealed class StoreFactDiscoverer(IMessageSink messages) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute)
    {
        bool needs = testMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsPostgresAttribute)).Any();
        TestMethodDisplay display = discoveryOptions.MethodDisplayOrDefault();
        TestMethodDisplayOptions options = discoveryOptions.MethodDisplayOptionsOrDefault();
        return [needs && NeedsPostgresAttribute.SkipReason is not null
            ? new SkippedStoreTest(messages, display, options, testMethod)
            : new XunitTestCase(messages, display, options, testMethod)];
    }
}

/// <summary>A test that says why it does not run.</summary>
public sealed class SkippedStoreTest : XunitTestCase
{
    [Obsolete("for deserialization")]
    public SkippedStoreTest()
    {
    }

    public SkippedStoreTest(IMessageSink messages, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(messages, display, options, method)
    {
    }

    protected override string GetSkipReason(IAttributeInfo factAttribute) => NeedsPostgresAttribute.SkipReason ?? base.GetSkipReason(factAttribute);
}

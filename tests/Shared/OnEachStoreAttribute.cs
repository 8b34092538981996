using System.Reflection;
using Xunit.Sdk;

namespace Relay.Tests.Shared;

/// <summary>Runs a theory on the embedded store and on Redis; the store's name is the first argument, those given here follow.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class OnEachStoreAttribute(params object[] arguments) : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        from store in (string[])["embedded", "redis"] select (object[])[store, .. arguments];
}

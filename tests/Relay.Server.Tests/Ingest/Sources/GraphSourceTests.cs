using System.Text;
using Microsoft.AspNetCore.Http;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

/// <summary>The form of learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks, "Change notification example".</summary>
public sealed class GraphSourceTests
{
    [Theory]
    [InlineData("""{"value":[{"subscriptionId":"s","clientState":"test-only-state","changeType":"created"}]}""", true)]
    [InlineData("""{"value":[{"clientState":"test-only-state"},{"clientState":"test-only-state"}],"validationTokens":[]}""", true)]
    [InlineData("""{"value":[{"clientState":"test-only-new-state"},{"clientState":"test-only-state"}]}""", true)]
    [InlineData("""{"value":[{"clientState":"test-only-state"},{"clientState":"test-only-stat"}]}""", false)]
    [InlineData("""{"value":[{"clientState":"test-only-state"},{}]}""", false)]
    [InlineData("""{"value":[{"clientState":"test-only-state"},null]}""", false)]
    [InlineData("""{"value":[{"clientState":null}]}""", false)]
    [InlineData("""{"value":[{"clientState":"Test-only-state"}]}""", false)]
    [InlineData("""{"value":[{"clientState":"\ud800"}]}""", false)]
    [InlineData("""{"value":[]}""", false)]
    [InlineData("""{"value":{"clientState":"test-only-state"}}""", false)]
    [InlineData("""{"clientState":"test-only-state"}""", false)]
    [InlineData("""{"value":[{"clientState":"test-only-state"}]}x""", false)]
    [InlineData("""[{"clientState":"test-only-state"}]""", false)]
    [InlineData("""{"value":[{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],"clientState":"test-only-state"}]}""", false)]
    [InlineData("test-only-state", false)]
    [InlineData("null", false)]
    [InlineData("", false)]
    public void Every_notification_must_have_the_client_state(string body, bool verified)
    {
        var source = new GraphSource(new SourceKeys("test-only-state", "test-only-new-state"));

        Assert.Equal(verified, source.Verify(new SourceRequest(new HeaderDictionary(), "https://relay.example.com/", Encoding.UTF8.GetBytes(body), default)));
    }
}

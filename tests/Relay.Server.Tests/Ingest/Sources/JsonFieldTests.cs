using System.Text;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

public sealed class JsonFieldTests
{
    [Theory]
    [InlineData("""{"a":{"event_id":"inner"},"event_id":"e1","x":[1]}""", "e1")]
    [InlineData("""{"\u0065vent_id":"\u0065\n"}""", "e\n")]
    [InlineData("""{"event_id":"12345678"}""", "12345678")]
    [InlineData("""{"event_id":"123456789"}""", null)]
    [InlineData("""{"event_id":""}""", null)]
    [InlineData("""{"event_id":7}""", null)]
    [InlineData("""{"event_id":null}""", null)]
    [InlineData("""{"event_id":{"event_id":"e1"}}""", null)]
    [InlineData("""{"other":"\ud800","\udc00":1}""", null)]
    [InlineData("""{"event_id":"\ud800"}""", null)]
    [InlineData("""{"event_id":"e1"}x""", null)]
    [InlineData("""{"event_id":"e1" """, null)]
    [InlineData("""["event_id","e1"]""", null)]
    [InlineData("event_id=e1", null)]
    [InlineData("\"event_id\"", null)]
    [InlineData("", null)]
    public void It_is_a_short_string_at_the_top_or_nothing(string body, string? value) =>
        Assert.Equal(value, JsonField.Find(Encoding.UTF8.GetBytes(body), "event_id"u8, 8));
}

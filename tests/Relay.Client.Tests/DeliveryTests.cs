using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Client.Tests;

public sealed partial class DeliveryTests : ClientTest
{
    public static TheoryData<byte[]> Bodies => new(
        "{}"u8.ToArray(),
        "{ \"a\" : 1.0,\r\n\t\"b\": \"\\u00e9\\/é\" }\n"u8.ToArray(),
        "null"u8.ToArray(),
        [],
        "a=1&b=%20"u8.ToArray(),
        [0, 255, 254, 10, 13, 0, 128],
        Encoding.UTF8.GetBytes(new string('é', 200_000)));

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Body_has_the_exact_bytes(byte[] body)
    {
        var taken = Receive(NewClient(options => options.SigningSecret = Relay.Secret.Reveal()));

        await (await Relay.AuthenticateAsync()).DeliverAsync(body);

        Assert.Equal(body, (await taken.NextAsync()).Body.ToArray());
    }

    [Fact]
    public async Task Delivery_shows_what_the_sender_sent()
    {
        var taken = Receive(NewClient());

        var id = await (await Relay.AuthenticateAsync()).DeliverAsync("""{"number": 42}"""u8.ToArray(), attempt: 3, age: TimeSpan.FromSeconds(7), replyWithin: TimeSpan.FromSeconds(9), replayOf: "evt_1");

        var delivery = await taken.NextAsync();
        Assert.Equal((id, 3, "PUT", "/a%20b", "x=1"), (delivery.Id, delivery.Attempt, delivery.Method, delivery.Path, delivery.Query));
        Assert.Equal(Clock.GetUtcNow() - TimeSpan.FromSeconds(7), delivery.ReceivedAt);
        Assert.Equal(Clock.GetUtcNow() - TimeSpan.FromSeconds(7), delivery.SignedAt);
        Assert.Equal(Clock.GetUtcNow() + TimeSpan.FromSeconds(9), delivery.ReplyBy);
        Assert.Equal("evt_1", delivery.ReplayOf);
        Assert.StartsWith("v1,", delivery.StandardSignature, StringComparison.Ordinal);
        Assert.Equal(("text/x-test", "text/x-test"), (delivery.ContentType, delivery.Headers["Content-Type"]));
        Assert.Equal(("github", true), (delivery.Source!.Type, delivery.Source.Verified));
        Assert.Equal("""{"number": 42}""", delivery.Text);
        Assert.Equal(42, delivery.ReadJson(Json.Default.Numbered)!.Number);
        using var document = delivery.ParseJson();
        Assert.Equal(42, document.RootElement.GetProperty("number").GetInt32());
    }

    [Fact]
    public async Task Delivery_that_is_no_replay_and_that_nobody_waits_for_says_so()
    {
        var taken = Receive(NewClient());

        await (await Relay.AuthenticateAsync()).DeliverAsync();

        var delivery = await taken.NextAsync();
        Assert.Equal((null, null), (delivery.ReplyBy, delivery.ReplayOf));
    }

    [Fact]
    public async Task Body_that_is_not_json_says_so()
    {
        var taken = Receive(NewClient());

        await (await Relay.AuthenticateAsync()).DeliverAsync("{"u8.ToArray());

        var delivery = await taken.NextAsync();
        Assert.Equal("{", delivery.Text);
        Assert.ThrowsAny<JsonException>(() => delivery.ParseJson());
    }

    internal sealed record Numbered(int Number);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Numbered))]
    private sealed partial class Json : JsonSerializerContext;
}

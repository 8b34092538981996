using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class SignatureTests : ClientTest
{
    [Fact]
    public async Task Delivery_with_a_wrong_signature_is_given_back_unseen()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();

        var forged = await connection.DeliverAsync(key: ApiKey.New());
        var good = await connection.DeliverAsync();

        var nack = await connection.ReadAsync<NackMessage>();
        Assert.Equal((forged, "invalid_signature"), (nack.Id, nack.Reason));
        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.InvalidSignature, forged), (error.Kind, error.EventId));
        Assert.Equal(good, (await taken.NextAsync()).Id);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(-61)]
    public async Task Stale_delivery_is_given_back_unseen_and_the_clock_is_suspected(int ageSeconds)
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();

        var stale = await connection.DeliverAsync(age: TimeSpan.FromSeconds(ageSeconds));
        var good = await connection.DeliverAsync(age: TimeSpan.FromSeconds(299));

        Assert.Equal(stale, (await connection.ReadAsync<NackMessage>()).Id);
        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.StaleTimestamp, stale), (error.Kind, error.EventId));
        Assert.Contains($"{ageSeconds} s ago", error.Message, StringComparison.Ordinal);
        Assert.Contains("clock", error.Message, StringComparison.Ordinal);
        Assert.Equal(good, (await taken.NextAsync()).Id);
    }

    [Fact]
    public async Task Standard_signature_is_checked_too_when_the_secret_is_given()
    {
        var taken = Receive(NewClient(options => options.SigningSecret = Relay.Secret.Reveal()));
        var connection = await Relay.AuthenticateAsync();

        var forged = await connection.DeliverAsync(secret: SigningSecret.New());
        var good = await connection.DeliverAsync();

        Assert.Equal(forged, (await connection.ReadAsync<NackMessage>()).Id);
        Assert.Equal(good, (await taken.NextAsync()).Id);
    }

    [Fact]
    public async Task Forged_copy_of_an_event_that_is_held_does_not_give_it_back()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        var delivery = await taken.NextAsync();

        await connection.DeliverAsync(id: id, key: ApiKey.New());
        await connection.PingAsync();

        await delivery.AckAsync();
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
    }
}

using System.Text;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

/// <summary>What holds whoever signed.</summary>
public sealed class EverySourceTests
{
    private static readonly string[] Garbage =
    [
        "", " ", ",", "=", "sha256=", "v0=", "t=", "t=,v1=", "v1,", "-1", "0", "99999999999999999999999", "9223372036854775807", "1767323045.0", "0x1", "+1767323045",
        "null", "\0", "\ud800", "é€😀", "{timestamp}", "%", "%zz", new string('a', 30_000), string.Concat(Enumerable.Repeat("v1=00,", 5_000)), string.Concat(Enumerable.Repeat("v1,AA== ", 4_000)),
    ];

    public static TheoryData<string> Names => [.. Examples.All.Select(static example => example.Name)];

    public static TheoryData<string> NamesWithTime => [.. Examples.All.Where(static example => example.SignedAt is not null).Select(static example => example.Name)];

    /// <summary>But for those that do not sign a body with a header: see <see cref="GraphSourceTests"/> and <see cref="SnsTests"/>.</summary>
    [Fact]
    public void Every_type_has_an_example() => Assert.Equal(
        SourceCatalog.Types.Except(["graph", "sns"]).Order(), Examples.All.Select(static example => example.Make([example.Secret]).Type).Distinct().Order());

    [Theory, MemberData(nameof(Names))]
    public void What_the_provider_signed_is_verified(string name)
    {
        var example = Find(name);

        Assert.True(example.Verify([example.Secret]));
    }

    [Theory, MemberData(nameof(Names))]
    public void Either_secret_of_a_rotation_is_good(string name)
    {
        var example = Find(name);

        Assert.True(example.Verify([example.Secret, example.WrongSecret]));
        Assert.True(example.Verify([example.WrongSecret, example.Secret]));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_wrong_secret_verifies_nothing(string name)
    {
        var example = Find(name);

        Assert.False(example.Verify([example.WrongSecret]));
        Assert.False(example.Verify([example.WrongSecret, example.WrongSecret]));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_changed_body_is_refused(string name)
    {
        var example = Find(name);
        var body = Encoding.UTF8.GetBytes(example.Body);

        for (var i = 0; i < body.Length; i++)
        {
            var changed = body.ToArray();
            changed[i] ^= 1;
            Assert.False(example.Verify([example.Secret], changed), $"byte {i}");
        }

        Assert.False(example.Verify([example.Secret], []));
        Assert.False(example.Verify([example.Secret], [.. body, (byte)'x']));
        Assert.False(example.Verify([example.Secret], body[1..]));
    }

    [Theory, MemberData(nameof(Names))]
    public void Without_one_of_its_headers_or_with_one_twice_it_is_refused(string name)
    {
        var example = Find(name);
        foreach (var (header, value) in example.Headers)
        {
            Assert.False(example.Verify([example.Secret], alter: headers => headers.Remove(header)), header);
            Assert.False(example.Verify([example.Secret], alter: headers => headers[header] = new([value, value])), header);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Garbage_in_a_header_is_refused_and_never_throws(string name)
    {
        var example = Find(name);
        foreach (var (header, value) in example.Headers)
        {
            foreach (var garbage in (IEnumerable<string>)[.. Garbage, .. Garbage.Select(part => value + part).Where(text => text.Trim() != value), value[..^1], value[1..]])
            {
                // What follows a form's content type, or an empty element of Stripe's list, changes nothing.
                var mayPass = header == "Content-Type" || garbage == value + ",";
                Assert.False(!mayPass & example.Verify([example.Secret], alter: headers => headers[header] = garbage), $"{header}: {garbage}");
            }
        }
    }

    [Theory, MemberData(nameof(NamesWithTime))]
    public void Five_minutes_old_and_one_minute_ahead_pass_and_no_more(string name)
    {
        var example = Find(name);

        Assert.True(example.Verify([example.Secret], later: TimeSpan.FromMinutes(5)));
        Assert.True(example.Verify([example.Secret], later: -TimeSpan.FromMinutes(1)));
        Assert.False(example.Verify([example.Secret], later: TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1)));
        Assert.False(example.Verify([example.Secret], later: -TimeSpan.FromMinutes(1) - TimeSpan.FromSeconds(1)));
    }

    [Theory, MemberData(nameof(NamesWithTime))]
    public void A_fresh_time_that_was_not_signed_is_refused(string name)
    {
        var example = Find(name);
        var later = example.SignedAt!.Value + 3600;

        Assert.False(example.Verify([example.Secret], later: TimeSpan.FromHours(1), alter: headers =>
        {
            foreach (var (header, value) in example.Headers)
            {
                headers[header] = value.Replace($"{example.SignedAt}", $"{later}", StringComparison.Ordinal);
            }
        }));
    }

    private static SignedExample Find(string name) => Examples.All.Single(example => example.Name == name);
}

using System.Buffers;

namespace Relay.Protocol;

internal static class Hex
{
    public static readonly SearchValues<char> Lower = SearchValues.Create("0123456789abcdef");
}

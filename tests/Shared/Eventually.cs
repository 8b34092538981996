namespace Relay.Tests.Shared;

/// <summary>Waits for what is true after a while, by asking.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task<T> Async<T>(Func<Task<T>> ask, Func<T, bool> isSo)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (isSo(answer) || TimeProvider.System.GetElapsedTime(began) > RelayHost.Patience)
            {
                Assert.True(isSo(answer), $"Still {answer}");
                return answer;
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    public static Task AsyncTrue(Func<bool> isSo) => AsyncTrue(() => Task.FromResult(isSo()));

    public static Task AsyncTrue(Func<Task<bool>> isSo) => AsyncResult(isSo);

    private static async Task AsyncResult(Func<Task<bool>> isSo) => Assert.True(await Async(isSo, static so => so));
}

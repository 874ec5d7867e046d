0.000 candidates node1
0.000 drop preVoteRequest node1->any skip 4
0.000 drop voteRequest node1->node3
0.000 drop voteRequest node1->node4
0.000 drop voteRequest node1->node5
      node1 starts, boot 1
      node2 starts, boot 1
      node4 starts, boot 1
      node3 starts, boot 1
      node5 starts, boot 1
      committed to 1
      node1 campaigns in term 2
2.000 crash node2 power for 100ms
      node2 is down
      node2 starts, boot 2
3.000 candidates node5
3.000 drop preVoteRequest node5->node1
3.000 drop preVoteRequest node5->node2
3.000 drop preVoteRequest node5->any skip 2
3.000 drop voteRequest node5->node4
      node5 campaigns in term 2
5.000 client0 at node2
5.000 heal
      node5 campaigns in term 3
      node5 leads in term 3
      committed to 7
       the faults stop for node1 node2 node3 node4 node5
       committed to 9
       held

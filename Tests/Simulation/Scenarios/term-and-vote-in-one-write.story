0.000 candidates node3
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node3 campaigns in term 2
      node3 leads in term 2
      committed to 5
8.000 crash node3
      node3 is down
8.000 candidates node1
8.000 drop preVoteRequest node1->any skip 2
       node1 campaigns in term 3
       node1 leads in term 3
       committed to 6
11.850 crash node2 lose unsynced for 500ms
       node2 is down
       node2 starts, boot 2
13.000 heal
       committed to 7
       the faults stop for node1 node2 node3
       node3 starts, boot 2
       committed to 8
       held
